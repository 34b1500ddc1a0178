import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { routes } from '../../../src/http/api/routes.ts';
import { type GuardedBerth, adminPassword, basic, startGuarded } from '../../support/access.ts';
import { call } from '../../support/call.ts';
import type { OpenApiDocument } from '../../support/openapi.ts';

let berth: GuardedBerth;
beforeAll(async () => {
  berth = await startGuarded();
});
afterAll(() => berth.close());

describe('the OpenAPI document of the API', () => {
  let document: OpenApiDocument;
  beforeAll(async () => {
    document = (await call(berth, 'GET', '/api/v1/openapi.json')).json() as OpenApiDocument;
  });

  test('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate({ ...document });
    expect([result.valid, result.errors]).toEqual([true, undefined]);
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  test('describes every row of the table and nothing else', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  test('gives each operation an id of its own', () => {
    const ids = Object.values(document.paths).flatMap((operations) => Object.values(operations).map((one) => one.operationId));
    expect(new Set(ids).size).toBe(routes.length);
  });

  test('says which fields a new user has, and which are required', () => {
    expect(document.paths['/users']?.['post']?.requestBody?.content['application/json']?.schema).toMatchObject({
      type: 'object',
      required: ['name', 'password'],
      additionalProperties: false,
      properties: { name: { type: 'string', maxLength: 128 }, password: { type: 'string', minLength: 8 } },
    });
  });

  test('refers to the schema of an account by name', () => {
    const { schema } = document.paths['/users/{name}']?.['get']?.responses['200']?.content?.['application/json'] ?? {};
    expect(schema).toEqual({ $ref: '#/components/schemas/Account' });
    expect(document.components.schemas['Account']).toMatchObject({ properties: { createdAt: { format: 'date-time' } } });
  });
});

describe('a request that is not valid', () => {
  async function problemOf(method: string, path: string, body: unknown) {
    const headers = { ...basic('admin', adminPassword), 'Content-Type': 'application/json' };
    const answer = await call(berth, method, `/api/v1${path}`, { headers, body: JSON.stringify(body) });
    expect([answer.status, answer.header('content-type')]).toEqual([400, 'application/problem+json; charset=utf-8']);
    return answer.json() as { readonly detail: string; readonly errors: unknown };
  }

  test.each<readonly [string, unknown, string, string]>([
    ['/users', { password: 'long enough' }, '#/name', 'name is missing'],
    ['/users', { name: 'x', password: null }, '#/password', 'password is missing'],
    ['/users', { name: 7, password: 'long enough' }, '#/name', 'name must be text'],
    ['/users', { name: 'x', password: 'long enough', admin: 'yes' }, '#/admin', 'admin must be true or false'],
    ['/users', { name: 'x', password: 'short' }, '#/password', 'a password has at least 8 characters and at most 1024 bytes'],
    ['/teams', { name: 'x', nmae: 'y' }, '#/nmae', 'nmae is not a field: name are'],
    ['/me/tokens', { name: 'x', scopes: ['a:pull', 7] }, '#/scopes', 'scopes must be a list of texts'],
    ['/me/tokens', { name: 'x', expiresAt: '1' }, '#/expiresAt', 'expiresAt must be a date such as 2030-01-31T00:00:00Z'],
    ['/grants', { subject: 'a\0', pattern: 'a' }, '#/subject', 'subject must be text without NUL characters'],
  ])('%s %j names the field', async (path, body, pointer, detail) => {
    expect(await problemOf('POST', path, body)).toMatchObject({ detail, errors: [{ detail, pointer }] });
  });

  test.each([
    ['/users?limit=x', 'limit', 'limit must be a number from 1 to 1000'],
    ['/users?limit=0', 'limit', 'limit must be a number from 1 to 1000'],
    ['/grants?after=x', 'after', 'after must be a number'],
  ])('%s names the parameter', async (path, parameter, detail) => {
    expect(await problemOf('GET', path, undefined)).toMatchObject({ detail, errors: [{ detail, parameter }] });
  });

  test('is answered with every error in the problem', async () => {
    const { detail, errors } = await problemOf('POST', '/users', { name: 'A', admin: 1 });
    expect(errors).toHaveLength(3);
    expect(detail).toMatch(/^invalid name A: .*; password is missing; admin must be true or false$/);
  });

  test('names the body if it is a list or no JSON', async () => {
    const { detail, errors } = await problemOf('POST', '/users', []);
    expect([detail, errors]).toEqual(['the body must be a JSON object, sent as application/json', [{ detail, pointer: '#' }]]);
  });
});
