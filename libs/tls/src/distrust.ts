/** What OpenSSL says of a certificate that it does not trust, as Node names it, beside `ERR_TLS_…`. */
const codes: ReadonlySet<unknown> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why an attempt to connect with TLS failed, if that is because of who answered: his certificate, or that he has none. */
export const distrustOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? error.code : undefined;
  const isDistrust =
    codes.has(code) ||
    (typeof code === 'string' && code.startsWith('ERR_TLS_')) ||
    // The NATS client has no code for it (3.4.0).
    error.message === "server does not support 'tls'";
  return isDistrust ? error.message : undefined;
};
