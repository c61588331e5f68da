import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = {
  operationId?: string;
  description?: string;
  responses?: Record<string, unknown>;
  readonly 'x-required-role'?: string;
  readonly 'x-required-scope'?: string;
};

const methods = ['get', 'put', 'post', 'patch', 'delete'] as const;

/**
 * Writes into every operation which role it needs, in words and with the answers to whoever has it not.
 *
 * @throws when one does not say, so that no server starts with a route that everybody, or nobody, may use
 */
export const describeRoles = (document: Pick<OpenAPIObject, 'paths'>): void => {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of methods) {
      const operation: Operation | undefined = item[method];
      if (operation) describe(`${method.toUpperCase()} ${path}`, operation);
    }
  }
};

const describe = (route: string, operation: Operation): void => {
  const { 'x-required-role': role, 'x-required-scope': scope, description = '' } = operation;
  if (role === undefined) throw new Error(`${route} does not state the role it needs; give it @Requires or @Public.`);
  if (role === 'none') return;
  const needs =
    scope === 'fleet'
      ? `Needs the role \`${role}\` and a key for the whole fleet.`
      : `Needs the role \`${role}\`; with a key that is limited to a group it is about that group and those below it.`;
  operation.description = description ? `${description} ${needs}` : needs;
  operation.responses = {
    ...operation.responses,
    401: { description: '`unauthorized`: the key is missing, wrong, revoked or expired' },
    403: { description: '`forbidden`: the key does not allow this' },
  };
};
