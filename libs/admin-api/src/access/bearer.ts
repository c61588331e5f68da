/** The token in an `Authorization` header; undefined when it has none. */
export const bearerTokenOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
