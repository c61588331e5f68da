import type { Schema } from '../from-schema.js';

type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema?: Schema };
type Described = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
};

/** A method of a path, as the OpenAPI document describes it. */
export type Operation = {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly query: readonly Parameter[];
  readonly inPath: readonly Parameter[];
  readonly body: { readonly type: string; readonly schema: Schema } | undefined;
};

export type OpenApi = { readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>> };

/** Everything that the document says there is: a new route is among it without being named anywhere here. */
export const operationsOf = ({ paths }: OpenApi): readonly Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => {
      const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        query: parameters.filter((one) => one.in === 'query'),
        inPath: parameters.filter((one) => one.in === 'path'),
        body: type !== undefined && content ? { type, schema: content.schema } : undefined,
      };
    }),
  );
