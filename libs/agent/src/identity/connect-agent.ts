import type { BrokerTrust } from '#tls';
import { AgentError } from '../agent-error.js';
import { type Link, type LinkState, openLink } from '../connection.js';
import type { Credentials } from '../credentials.js';
import { type ConnectFailure, isRefused } from '../dial.js';
import { enrol, type EnrolEvent } from './enrol.js';
import type { Identity, IdentityStore } from './identity.js';
import { finishSplit } from './split.js';

export type IdentityOptions = {
  readonly store: IdentityStore;
  /** Used when there is no credential yet, or the broker takes the one there is no longer. */
  readonly token?: string | undefined;
};

/** What proves who a connection speaks for; the identity changes when it is renewed. */
export type Proof = { readonly store: IdentityStore; readonly current: { identity: Identity } };

export type Connected = {
  readonly link: Link;
  /** Whom it speaks for: another than it was started as where this machine was a copy, and became a client of its own. */
  readonly id: string;
  /** Undefined where the broker asks nobody who he is. */
  readonly proof: Proof | undefined;
};

/** Neither is for a broker that asks nobody who he is. */
export type WhoConnects = {
  /** Made elsewhere; asked for with each connection. */
  readonly credentials?: (() => Credentials) | undefined;
  /** Where the agent keeps who it is, and the token by which it enrols. */
  readonly identity?: IdentityOptions;
};
export type ConnectOptions = WhoConnects & {
  readonly id: string;
  /** The broker, such as `tls://host:4222`, or `nats://host:4222` where it has no TLS. */
  readonly server: string;
  /** Whom to trust to be the broker; those whom the system trusts without it. */
  readonly trust?: BrokerTrust | undefined;
};
export type ConnectEvent = { readonly type: LinkState } | ConnectFailure | EnrolEvent;

/** The JWT is there: only who has one connects with it. */
const credentialsOf = ({ jwt, seed }: Identity): Credentials => ({ jwt: jwt ?? '', seed });

/**
 * Connects with what the agent was given before; without that, or where it is refused, it enrols by the token first.
 * Waits for a broker that is away, unless there is a signal: whoever can end it tries again himself.
 *
 * @throws {AgentError} `unauthorized` when the broker refuses it and there is no token, or what {@link enrol} throws
 */
export const connectAgent = async (
  options: ConnectOptions,
  told: (event: ConnectEvent) => void,
  signal?: AbortSignal,
): Promise<Connected> => {
  const { server, trust, identity } = options;
  const loaded = options.credentials ? undefined : await identity?.store.load();
  const ending = signal ? { signal } : {};
  const kept =
    identity && loaded ? await finishSplit(identity.store, loaded, { server, trust, told, ...ending }) : loaded;
  const id = kept?.clientId ?? options.id;
  const connect = (credentials: (() => Credentials) | undefined): Promise<Link> =>
    openLink({
      server,
      trust,
      name: `agent ${id}`,
      inbox: id,
      credentials,
      told: (type) => told({ type }),
      failed: told,
      isImpatient: signal !== undefined,
    });
  if (options.credentials) return { link: await connect(options.credentials), id, proof: undefined };
  const open = async (proof: Proof | undefined): Promise<Connected> => ({
    link: await connect(proof && (() => credentialsOf(proof.current.identity))),
    id,
    proof,
  });
  const proofOf = (store: IdentityStore, known: Identity): Proof => ({ store, current: { identity: known } });
  if (!identity?.token || kept?.jwt) {
    try {
      return await open(identity && kept?.jwt ? proofOf(identity.store, kept) : undefined);
    } catch (error) {
      if (!isRefused(error)) throw error;
      if (!identity?.token) throw refused(id, kept);
    }
  }
  const { store, token } = identity;
  return open(proofOf(store, await enrol({ server, trust, id, token, store, told, ...ending })));
};

const refused = (id: string, kept: Identity | undefined): AgentError =>
  new AgentError(
    'unauthorized',
    kept?.jwt
      ? `The broker does not take the credential of ${id} any more: it has expired, or was revoked. Enrol anew with a token.`
      : `The broker lets in only who has enrolled, and ${id} has not. Ask an administrator for a token, and enrol with it.`,
  );
