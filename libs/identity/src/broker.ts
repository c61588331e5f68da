import type { Identity } from './authority.js';

/**
 * The part of a broker's configuration that makes it ask everybody who he is. The accounts named here are the ones it
 * begins with; those pushed later are kept in `folder`, and a newer one there stays.
 */
export const brokerConfiguration = ({ operatorJwt, accountJwts, authority }: Identity, folder: string): string => `
operator: ${operatorJwt}
system_account: ${authority.accounts.system}
resolver {
  type: full
  dir: ${JSON.stringify(folder)}
  allow_delete: false
  interval: "2m"
}
resolver_preload {
${[...accountJwts].map(([key, jwt]) => `  ${key}: ${jwt}`).join('\n')}
}
`;
