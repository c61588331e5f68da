import { nkeys } from '@nats-io/transport-node';
import { ReachbackError } from '#contracts';

/** @throws {ReachbackError} `bad_request` when the checksum in the key is wrong */
export const assertPublicKey = (publicKey: string): void => {
  try {
    nkeys.fromPublic(publicKey);
  } catch {
    throw new ReachbackError('bad_request', 'publicKey: its checksum is wrong', undefined, 'publicKey');
  }
};
