import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Role, roles } from '#contracts';
import type { Scope } from './scope.js';

/** Who sent a request, and what he may do. */
export type Caller = {
  /** Id of the key; of the first administrator's it is `default`. */
  readonly key: string;
  /** As the facts name it. */
  readonly actor: string;
  readonly role: Role;
  readonly scope: Scope;
  /** Whether it is a key that administrators made, and may take away. */
  readonly isStored: boolean;
};

const callers = new WeakMap<object, Caller>();

export const setCaller = (request: FastifyRequest, caller: Caller): void => void callers.set(request, caller);

/** @throws on a request that the guard has let in without a key */
export const callerOf = (request: FastifyRequest): Caller => {
  const caller = callers.get(request);
  if (!caller) throw new Error('A public route has no caller.');
  return caller;
};

/** Whether a role may do what another is needed for. */
export const includes = (role: Role, needed: Role): boolean => roles.indexOf(role) >= roles.indexOf(needed);

/** Injects the {@link Caller}. */
export const From = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
