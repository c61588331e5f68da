import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ReachbackError } from '#contracts';
import { type ApiContext, Context } from '../context.js';

const publicRoute = 'reachback:public';
/** Needs no key: health and the documents. */
export const Public = () => SetMetadata(publicRoute, true);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The name of the key that an authorised request came with. */
const actors = new WeakMap<object, string>();
export const actorOf = (request: FastifyRequest): string => actors.get(request) ?? 'admin:unknown';

/** Lets requests in that carry an administrator key as bearer token. */
@Injectable()
export class BearerGuard implements CanActivate {
  private readonly keys: readonly { readonly name: string; readonly digest: Buffer }[];

  constructor(
    private readonly reflector: Reflector,
    @Context() { keys }: ApiContext,
  ) {
    this.keys = [...keys].map(([name, key]) => ({ name, digest: digest(key) }));
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(publicRoute, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const given = digest(token ?? '');
    const key = this.keys.find((known) => timingSafeEqual(known.digest, given));
    if (!token || !key) throw new ReachbackError('unauthorized');
    actors.set(request, `admin:${key.name}`);
    return true;
  }
}
