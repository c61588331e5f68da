import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { INestApplication } from '@nestjs/common';

/** Publishes the OpenAPI document, made from the schemas that validate, and its page. */
export const publishOpenApi = (app: INestApplication, version: string): void => {
  const config = new DocumentBuilder()
    .setTitle('Reachback')
    .setDescription('Administrators’ API. Errors are application/problem+json with a stable `code`.')
    .setVersion(version)
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json' });
};
