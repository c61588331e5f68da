import { randomBytes } from 'node:crypto';

/**
 * What a process of an agent calls itself, for as long as it runs. It is kept nowhere: what is copied with a machine would
 * not tell the copy from it. One that was copied while it ran makes another when the server asks for it. If the server hears one of these again after another, two machines speak as one client.
 */
export const newInstance = (): string => randomBytes(9).toString('base64url');
