import { z } from 'zod';
import type { Route } from './route.ts';

export type OpenApiDocument = Readonly<Record<string, unknown>>;

type JsonObject = Readonly<Record<string, unknown>>;

const problem = {
  type: 'object',
  description: 'RFC 9457',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      description: 'which fields of the request are not valid',
      items: {
        type: 'object',
        properties: { detail: { type: 'string' }, pointer: { type: 'string' }, parameter: { type: 'string' } },
        required: ['detail'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail'],
};

/** Returns the OpenAPI 3.1 document of the rows. */
export function describeApi(routes: readonly Route[]): OpenApiDocument {
  const requests = toJsonSchemas(routes, ({ body }) => body, 'input');
  const responses = toJsonSchemas(routes, ({ returns }) => returns.body, 'output');
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const [body, result] = [requests.schemas[idOf(route)], responses.schemas[idOf(route)]];
    (paths[route.path] ??= {})[route.method.toLowerCase()] = describeRoute(route, body, result);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'berth', version: '1', description: 'Accounts, permissions and the audit log of a berth registry' },
    servers: [{ url: '/api/v1' }],
    security: [{ basic: [] }],
    paths,
    components: {
      securitySchemes: { basic: { type: 'http', scheme: 'basic' } },
      schemas: { ...requests.named, ...responses.named, Problem: problem },
    },
  };
}

function describeRoute(route: Route, body: unknown, result: unknown): JsonObject {
  const { summary, needs, returns } = route;
  const success = { description: 'Success', ...contentOf(returns.file, result) };
  const failure = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  return {
    operationId: idOf(route),
    summary,
    ...(needs === 'nothing' ? { security: [] } : {}),
    parameters: [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')],
    ...requestOf(route.accepts, body),
    responses: { [returns.status]: success, default: { description: 'Problem', content: failure } },
  };
}

function requestOf(accepts: readonly string[] | undefined, body: unknown): JsonObject {
  const files: JsonObject = Object.fromEntries((accepts ?? []).map((type) => [type, {}]));
  if (accepts) return { requestBody: { required: true, content: files } };
  return body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {};
}

/** A file has a media type and no schema: its bytes are the content. */
function contentOf(file: string | undefined, schema: unknown): JsonObject {
  if (file !== undefined) return { content: { [file]: {} } };
  return schema ? { content: { 'application/json': { schema } } } : {};
}

/** `GET /users/{name}` → `getUsersName` */
function idOf({ method, path }: Route): string {
  const words = path.match(/\w+/g) ?? [];
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function parametersOf(parameters: z.ZodObject | undefined, place: 'path' | 'query'): readonly JsonObject[] {
  if (!parameters) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(parameters, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: place, required: required.includes(name), schema }));
}

interface JsonSchemas {
  /** By the id of the row. */
  readonly schemas: JsonObject;
  /** Schemas with an `id`, which the others refer to. */
  readonly named: JsonObject;
}

/** Converts one schema of each row, all at once: those with an `id` are written once. */
function toJsonSchemas(
  routes: readonly Route[],
  schemaOf: (route: Route) => z.ZodType | undefined,
  io: 'input' | 'output',
): JsonSchemas {
  const shape = routes.flatMap((route) => {
    const schema = schemaOf(route);
    return schema ? [[idOf(route), schema] as const] : [];
  });
  const text = JSON.stringify(z.toJSONSchema(z.object(Object.fromEntries(shape)), { io }));
  const converted = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as {
    readonly properties: JsonObject;
    readonly $defs?: Readonly<Record<string, JsonObject>>;
  };
  const named = Object.entries(converted.$defs ?? {}).map(([name, schema]) => [name, { ...schema, id: undefined }] as const);
  return { schemas: converted.properties, named: Object.fromEntries(named) };
}
