import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ReachbackError } from '#contracts';
import { type ApiContext, Context } from '../context.js';
import { addressOf } from './address.js';
import { assertAllowed } from './allowed.js';
import { setCaller } from './caller.js';
import { type Requirement, requirementKey } from './requires.js';

/** Lets requests in whose bearer token has the role that the route states. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    @Context() private readonly context: ApiContext,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const needed = this.reflector.get<Requirement | 'none' | undefined>(requirementKey, context.getHandler());
    if (needed === 'none') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const caller = await this.context.access.callerOf(request.headers.authorization, addressOf(request));
    if (needed === undefined) throw new ReachbackError('forbidden');
    assertAllowed(caller, needed);
    setCaller(request, caller);
    return true;
  }
}
