import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { routes } from '../../src/http/v2/routes.ts';

/** distribution-spec, "Endpoints". `catalog` is Docker's own. */
const table: readonly (readonly [string, string, string])[] = [
  ['end-1', 'GET', '/v2/'],
  ['end-2', 'GET', '/v2/<name>/blobs/<digest>'],
  ['end-3', 'GET', '/v2/<name>/manifests/<reference>'],
  ['end-4a', 'POST', '/v2/<name>/blobs/uploads/'],
  ['end-4b', 'POST', '/v2/<name>/blobs/uploads/'],
  ['end-5', 'PATCH', '/v2/<name>/blobs/uploads/<id>'],
  ['end-6', 'PUT', '/v2/<name>/blobs/uploads/<id>'],
  ['end-7a', 'PUT', '/v2/<name>/manifests/<reference>'],
  ['end-7b', 'PUT', '/v2/<name>/manifests/<reference>'],
  ['end-8a', 'GET', '/v2/<name>/tags/list'],
  ['end-8b', 'GET', '/v2/<name>/tags/list'],
  ['end-9', 'DELETE', '/v2/<name>/manifests/<reference>'],
  ['end-10', 'DELETE', '/v2/<name>/blobs/<digest>'],
  ['end-11', 'POST', '/v2/<name>/blobs/uploads/'],
  ['end-12a', 'GET', '/v2/<name>/referrers/<digest>'],
  ['end-12b', 'GET', '/v2/<name>/referrers/<digest>'],
  ['end-13', 'GET', '/v2/<name>/blobs/uploads/<id>'],
  ['end-14', 'DELETE', '/v2/<name>/blobs/uploads/<id>'],
  ['catalog', 'GET', '/v2/_catalog'],
];

const suites = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('endpoints'))
  .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
  .join('\n');

test.each(table)('%s %s %s is served and has tests of its name', (end, method, path) => {
  const served = routes.filter((route) => route.ends.includes(end)).map((route) => [route.method, route.path]);
  expect(served).toEqual([[method, path]]);
  expect(suites).toMatch(new RegExp(`^ *(?:test(?:\\.each\\([^]*?\\))?\\(|'|\`|")\\s*['"\`]?${end}\\b[^]*?, async`, 'm'));
});

test('nothing is served that the table has not', () => {
  expect(routes.flatMap(({ ends }) => ends).sort()).toEqual(table.map(([end]) => end).sort());
});
