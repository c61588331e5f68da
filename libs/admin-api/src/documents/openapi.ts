import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { INestApplication } from '@nestjs/common';
import { describeRoles } from './roles.js';

/** Publishes the OpenAPI document, made from the schemas that validate, and its page. */
export const publishOpenApi = (app: INestApplication, version: string): void => {
  const config = new DocumentBuilder()
    .setTitle('Reachback')
    .setDescription(
      'Administrators’ API. Errors are application/problem+json with a stable `code`. Every operation names the role ' +
        'that it needs, `viewer`, `operator` or `admin`, also as `x-required-role`; with `x-required-scope: fleet` a key ' +
        'that is limited to a group does not do.',
    )
    .setVersion(version)
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An administrator’s key, or a token of the issuer' })
    .addSecurityRequirements('bearer')
    .build();
  // Made when somebody asks for it: it takes a tenth of the time that a server needs to start.
  const make = () => {
    const document = SwaggerModule.createDocument(app, config);
    describeRoles(document);
    return document;
  };
  SwaggerModule.setup('docs', app, make, { jsonDocumentUrl: 'openapi.json' });
};
