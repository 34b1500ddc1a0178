import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routesOf } from '../../src/http/api/routes.ts';
import { type GuardedBerth, adminPassword, basic, startGuarded } from '../support/access.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call } from '../support/call.ts';
import { type OpenApiDocument, type Operation, valuesOf } from '../support/openapi.ts';

let berth: GuardedBerth;
let open: TestBerth;

beforeAll(async () => {
  [berth, open] = await Promise.all([startGuarded(), startBerth()]);
  for (const name of ['alice', 'bob']) await berth.administration.createUser({ name, password: adminPassword, isAdmin: false });
  await berth.administration.createRobot({ name: 'ci', grants: ['team-a/*:pull'] });
  await berth.administration.createTeam('devs');
});
afterAll(() => Promise.all([berth.close(), open.close()]));

/** Neither `admin` nor `bob` is among them, so that the logins of the test stay valid. */
const words = [
  'alice',
  'ci',
  'devs',
  'zoe',
  'user:alice',
  'team:devs',
  'anonymous',
  'team-a/*',
  'alice/app',
  'a/b',
  'a/**:pull',
  'pull',
  '1',
  '',
];
const fields = {
  password: fc.constantFrom<unknown>(adminPassword, adminPassword, 'short', '', null, 7),
  expiresAt: fc.constantFrom<unknown>('2099-01-01T00:00:00Z', '2001-01-01T00:00:00Z', '+020000-01-01T00:00:00Z', '1', null, 7),
  file: fc.constantFrom<unknown>('', 'x', 'yan:$2b$04$abcdefghijklmnopqrstuuW1dVvYkq1h0bBzv8aCJ4b0m6ZrXwI1K\n', 7),
};

interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly login: 'admin' | 'bob' | undefined;
  readonly body: string | undefined;
}

function callsOf(path: string, method: string, { parameters, requestBody }: Operation): fc.Arbitrary<ApiCall> {
  const placed = (place: 'path' | 'query') =>
    fc.record(
      Object.fromEntries(
        parameters.filter((one) => one.in === place).map(({ name, schema }) => [name, valuesOf(schema, words).map(toText)]),
      ),
      place === 'path' ? {} : { requiredKeys: [] },
    );
  const schema = requestBody?.content['application/json']?.schema;
  return fc
    .record({
      params: placed('path'),
      query: placed('query'),
      body: schema ? valuesOf(schema, words, fields) : fc.constant(undefined),
      login: fc.constantFrom('admin' as const, 'admin' as const, 'admin' as const, 'bob' as const, undefined),
    })
    .map(({ params, query, body, login }) => {
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? '') || '%20');
      const search = new URLSearchParams(query as Record<string, string>).toString();
      return {
        method: method.toUpperCase(),
        path: search === '' ? filled : `${filled}?${search}`,
        login,
        body: body === undefined ? undefined : JSON.stringify(body),
      };
    });
}

/** `String` throws for objects with a field `toString`. */
function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

test.each([
  ['token', 300],
  ['open', 150],
] as const)(
  'in mode %s, requests made from the OpenAPI document get no server error, and the described body',
  async (mode, numRuns) => {
    const server = mode === 'open' ? open : berth;
    const routes = routesOf({ hasAccounts: mode === 'token' });
    const document = (await call(server, 'GET', '/api/v1/openapi.json')).json() as OpenApiDocument;
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    const calls = fc.oneof(
      ...operations.map(({ path, method, operation }) =>
        callsOf(path, method, operation).map((made) => ({ made, described: `${made.method} ${path}` })),
      ),
    );
    await fc.assert(
      fc.asyncProperty(calls, async ({ made, described }) => {
        const { method, path, login, body } = made;
        const headers = {
          ...(login === undefined ? {} : basic(login, adminPassword)),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        };
        const answer = await call(server, method, `/api/v1${path}`, { headers, ...(body === undefined ? {} : { body }) });
        expect(answer.status).toBeLessThan(500);
        if (login !== undefined) expect(answer.status).not.toBe(401);
        const { returns } = routes.find((route) => `${route.method} ${route.path}` === described) ?? {};
        if (answer.status >= 300) expect(answer.json()).toMatchObject({ status: answer.status, detail: expect.any(String) });
        else {
          expect(answer.status).toBe(returns?.status);
          if (typeof returns?.body === 'object') expect(returns.body.parse(answer.json())).toEqual(answer.json());
        }
      }),
      { numRuns },
    );
  },
);
