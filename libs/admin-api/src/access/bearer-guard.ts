import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ReachbackError } from '#contracts';
import { type ApiContext, Context } from '../context.js';
import { KeyRing } from './key-ring.js';

const publicRoute = 'reachback:public';
/** Needs no key: health and the documents. */
export const Public = () => SetMetadata(publicRoute, true);

/** The name of the key that an authorised request came with. */
const actors = new WeakMap<object, string>();
export const actorOf = (request: FastifyRequest): string => actors.get(request) ?? 'admin:unknown';

/** Lets requests in that carry an administrator key as bearer token. */
@Injectable()
export class BearerGuard implements CanActivate {
  private readonly keys: KeyRing;

  constructor(
    private readonly reflector: Reflector,
    @Context() { keys }: ApiContext,
  ) {
    this.keys = new KeyRing(keys);
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(publicRoute, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const name = this.keys.nameOf(request.headers.authorization);
    if (name === undefined) throw new ReachbackError('unauthorized');
    actors.set(request, `admin:${name}`);
    return true;
  }
}
