import { applyDecorators } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { FastifyContextConfig } from 'fastify';
import type { Role } from '#contracts';

/** What a route needs: a role, and where `fleet` a key that is limited to no group. */
export type Requirement = { readonly role: Role; readonly fleet: boolean };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Fastify knows it before it has read a body. */
    readonly requires?: Requirement | 'none';
  }
}

const configure = (requires: Requirement | 'none') => RouteConfig({ requires } satisfies FastifyContextConfig);

/** States the role that a route needs, for {@link letIn} and for the document. A server with a route without it does not start. */
export const Requires = (role: Role, { fleet = false }: { readonly fleet?: boolean } = {}) =>
  applyDecorators(
    configure({ role, fleet }),
    ApiExtension('x-required-role', role),
    ApiExtension('x-required-scope', fleet ? 'fleet' : 'group'),
  );

/** Needs no key: health and the documents. */
export const Public = () =>
  applyDecorators(configure('none'), ApiExtension('x-required-role', 'none'), ApiSecurity({}));
