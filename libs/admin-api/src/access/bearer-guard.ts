import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { type ApiContext, Context } from '../context.js';
import { addressOf } from './address.js';
import { Gate } from './gate.js';

const publicRoute = 'reachback:public';
/** Needs no key: health and the documents. */
export const Public = () => SetMetadata(publicRoute, true);

/** The name of the key that an authorised request came with. */
const actors = new WeakMap<object, string>();
export const actorOf = (request: FastifyRequest): string => actors.get(request) ?? 'admin:unknown';

/** Lets requests in that carry an administrator key as bearer token. */
@Injectable()
export class BearerGuard implements CanActivate {
  private readonly gate: Gate;

  constructor(
    private readonly reflector: Reflector,
    @Context() { keys, log, observer }: ApiContext,
  ) {
    this.gate = new Gate({ keys, log, refused: observer.refused });
  }

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(publicRoute, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const name = this.gate.nameOf(request.headers.authorization, addressOf(request));
    actors.set(request, `admin:${name}`);
    return true;
  }
}
