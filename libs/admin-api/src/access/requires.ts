import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { Role } from '#contracts';

/** What a route needs: a role, and where `fleet` a key that is limited to no group. */
export type Requirement = { readonly role: Role; readonly fleet: boolean };

export const requirementKey = 'reachback:requires';

/** States the role that a route needs, for the guard and for the document. A server with a route without it does not start. */
export const Requires = (role: Role, { fleet = false }: { readonly fleet?: boolean } = {}) =>
  applyDecorators(
    SetMetadata(requirementKey, { role, fleet } satisfies Requirement),
    ApiExtension('x-required-role', role),
    ApiExtension('x-required-scope', fleet ? 'fleet' : 'group'),
  );

/** Needs no key: health and the documents. */
export const Public = () =>
  applyDecorators(SetMetadata(requirementKey, 'none'), ApiExtension('x-required-role', 'none'), ApiSecurity({}));
