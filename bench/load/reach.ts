/** How a generator reaches the broker. */
export type Reach = {
  readonly url: string;
  /** Of who connects, as text; none where the broker asks nobody who he is. */
  readonly credentials: string | undefined;
  /** The authority's certificate as PEM, where the broker speaks TLS. */
  readonly ca: string | undefined;
};
