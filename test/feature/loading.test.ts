import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { selectServe } from '../../src/cli/command-line.ts';
import { topics } from '../../src/cli/commands.ts';
import { parseWords } from '../../src/cli/program/program.ts';

const root = resolve(import.meta.dirname, '../..');

/** Returns the files and packages that are loaded with a file: its imports and theirs, without types and dynamic imports. */
function loadedWith(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(root, file), 'utf8');
  for (const [, name = ''] of text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm)) {
    if (name.startsWith('.')) loadedWith(relative(root, join(root, dirname(file), name)), found);
    else found.add(name);
  }
  return found;
}

const packagesOf = (file: string) => [...loadedWith(file)].filter((name) => !/\.ts$|^node:/.test(name)).sort();

test('the command line loads no package before it parses words, and no command', () => {
  expect(packagesOf('src/main.ts')).toEqual([]);
  expect(packagesOf('src/cli/program/program.ts')).toEqual(['commander']);
  expect([...loadedWith('src/main.ts')].filter((name) => name.startsWith('src/http') || name.endsWith('/serve.ts'))).toEqual([]);
});

test.each([['serve'], ['serve --config berth.yaml'], ['serve --config /etc/with=/-x.yaml']])(
  'the parser is not needed for berth %s, and would find the same',
  (line) => {
    const words = line.split(' ');
    expect(selectServe(words)).toEqual(parseWords(topics, 'version', words, () => undefined));
  },
);

test.each([
  '',
  'version',
  '--config f serve',
  'serve f',
  'serve --help',
  'serve --conf f',
  'serve --config',
  'serve --config f g',
])('the parser judges the words of berth %s', (line) => {
  expect(selectServe(line.split(' '))).toBeUndefined();
});

test('the parser judges a file name that is empty or looks like an option', () => {
  expect([selectServe(['serve', '--config', '']), selectServe(['serve', '--config', '--help'])]).toEqual([undefined, undefined]);
});

test.each(['user', 'robot', 'token', 'team', 'grant', 'namespace', 'repo', 'explain', 'key', 'audit'])(
  'berth %s loads neither a package nor the server',
  (name) => {
    const loaded = loadedWith(`src/cli/accounts/${name}.ts`);
    expect(packagesOf(`src/cli/accounts/${name}.ts`)).toEqual([]);
    expect([...loaded].filter((file) => file.startsWith('src/http') || file === 'src/app.ts')).toEqual([]);
  },
);

test('berth serve loads neither other commands nor the clients of stores that it does not use', () => {
  const loaded = loadedWith('src/cli/serve/run-server.ts');
  expect(packagesOf('src/cli/serve/run-server.ts').filter((name) => /^(pg|yaml|@aws-sdk|commander)/.test(name))).toEqual([]);
  const others = ['accounts/user', 'accounts/audit', 'maintenance/migrate', 'maintenance/preheat', 'tool/completion'].map(
    (name) => `src/cli/${name}.ts`,
  );
  expect(others.filter((file) => loaded.has(file) || !existsSync(join(root, file)))).toEqual([]);
});

test('nothing that berth serve loads imports node:http, whose ES module loads undici, or TLS', () => {
  expect([...loadedWith('src/cli/serve/run-server.ts')].filter((name) => /^(node:)?(http|https|tls)$/.test(name))).toEqual([]);
});

test('the write thread loads no query before the first write that needs it', () => {
  const queries = [...loadedWith('storage/metadata/sqlite/writer.ts')].filter((file) =>
    file.startsWith('storage/metadata/queries/'),
  );
  expect(queries.filter((file) => !file.startsWith('storage/metadata/queries/steps/'))).toEqual([
    'storage/metadata/queries/subjects.ts',
  ]);
});

test('berth serve loads Express, the page and the API with the first request that needs them', () => {
  const loaded = [...loadedWith('src/cli/serve/run-server.ts')];
  expect(loaded.filter((name) => /^(?:express|zod|multer|tar\/.*)$|^src\/(?:http\/(?:ui|api|v1)|archives)\//.test(name))).toEqual(
    [],
  );
});

test('berth serve loads OpenTelemetry only if the configuration asks for it', () => {
  const loaded = [...loadedWith('src/cli/serve/run-server.ts')];
  expect(loaded).toContain('src/telemetry/tracer.ts');
  expect(loaded.filter((name) => name.startsWith('@opentelemetry/') || name.startsWith('src/telemetry/sdk/'))).toEqual([]);
  expect(packagesOf('src/telemetry/sdk/open-sdk.ts')).toContain('@opentelemetry/sdk-trace');
});
