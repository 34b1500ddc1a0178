import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { parseDocument } from 'yaml';
import { type Child, type Children, type Entries, type Key, secretFromFile } from './keys.ts';
import { nearest } from './nearest.ts';
import { type Config, schema } from './schema.ts';

/** Everything that is wrong with a configuration, one sentence an error. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly errors: readonly string[];

  constructor(errors: readonly string[]) {
    super(errors.join('\n'));
    this.errors = errors;
  }
}

export interface ConfigSources {
  /** YAML file, merged over the defaults. */
  readonly file?: string | undefined;
  /** `BERTH_*` variables win over the file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Variables that are not keys: they say where to look. */
const otherVariables = new Set(['BERTH_CONFIG']);

/** What other programs read too. */
const conventionalVariables: Readonly<Record<string, readonly string[]>> = {
  'mirror.proxy.http': ['HTTP_PROXY', 'http_proxy'],
  'mirror.proxy.https': ['HTTPS_PROXY', 'https_proxy'],
  'mirror.proxy.none': ['NO_PROXY', 'no_proxy'],
};

/** Loads the configuration. Throws `ConfigError` with every error there is. */
export function loadConfig({ file, environment }: ConfigSources): Config {
  const errors: string[] = [];
  const written = file === undefined ? {} : readYaml(file, errors);
  const overrides = fromEnvironment(environment, errors);
  const config = parseSection(schema.keys, written, [], overrides, errors) as Config;
  if (errors.length === 0) checkTogether(config, errors);
  if (errors.length > 0) throw new ConfigError(errors);
  return config;
}

function readYaml(file: string, errors: string[]): unknown {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    errors.push(`cannot read ${file}: ${(error as Error).message}`);
    return {};
  }
  const document = parseDocument(source);
  errors.push(...document.errors.map((error) => `${file}: ${error.message}`));
  return document.errors.length > 0 ? {} : (document.toJS() as unknown);
}

/** Every scalar key's path, such as `storage.blobs.driver`. */
export function keyPaths(
  keys: Children = schema.keys,
  base: readonly string[] = [],
): readonly { path: string; key: Key<unknown> }[] {
  return Object.entries(keys).flatMap(([name, child]) => {
    const path = [...base, name];
    if (child.kind === 'key') return [{ path: path.join('.'), key: child }];
    return child.kind === 'section' ? keyPaths(child.keys, path) : [];
  });
}

/** `storage.blobs.s3.accessKeyId` → `BERTH_STORAGE_BLOBS_S3_ACCESS_KEY_ID` */
export function variableName(path: string): string {
  return `BERTH_${path
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

/** The values that the environment gives, by path. Underscores within a key's name may be left out. */
function fromEnvironment(environment: ConfigSources['environment'], errors: string[]): ReadonlyMap<string, string> {
  const known = new Map(keyPaths().map(({ path, key }) => [bare(variableName(path)), { path, key }]));
  const values = new Map<string, string>();
  for (const [path, variables] of Object.entries(conventionalVariables)) {
    const value = variables.map((variable) => environment[variable]).find((text) => text !== undefined && text !== '');
    if (value !== undefined) values.set(path, value);
  }
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('BERTH_') || otherVariables.has(variable) || value === undefined) continue;
    const direct = known.get(bare(variable));
    const fromFile = variable.endsWith('_FILE') ? known.get(bare(variable.slice(0, -'_FILE'.length))) : undefined;
    if (direct) values.set(direct.path, value);
    else if (fromFile?.key.secret) readSecret(fromFile.path, variable, value, values, errors);
    else
      errors.push(
        unknownKey(
          variable,
          [...keyPaths()].map(({ path }) => variableName(path)),
        ),
      );
  }
  return values;
}

function bare(variable: string): string {
  return variable.replaceAll('_', '');
}

function readSecret(path: string, variable: string, file: string, values: Map<string, string>, errors: string[]): void {
  try {
    values.set(path, secretFromFile(file));
  } catch (error) {
    errors.push(`${variable}: cannot read ${file}: ${(error as Error).message}`);
  }
}

function parseSection(
  keys: Children,
  written: unknown,
  base: readonly string[],
  overrides: ReadonlyMap<string, string>,
  errors: string[],
): Readonly<Record<string, unknown>> {
  const values = asMap(written, base, errors);
  for (const name of Object.keys(values)) {
    if (!(name in keys))
      errors.push(
        unknownKey(
          [...base, name].join('.'),
          Object.keys(keys).map((key) => [...base, key].join('.')),
        ),
      );
  }
  return Object.fromEntries(
    Object.entries(keys).map(([name, child]) => [name, parseChild(child, values[name], [...base, name], overrides, errors)]),
  );
}

function parseChild(
  child: Child,
  written: unknown,
  path: readonly string[],
  overrides: ReadonlyMap<string, string>,
  errors: string[],
): unknown {
  if (child.kind === 'section') return parseSection(child.keys, written, path, overrides, errors);
  if (child.kind === 'entries') return parseEntries(child, written, path, errors);
  const name = path.join('.');
  try {
    return child.parse(overrides.get(name) ?? written ?? child.default);
  } catch (error) {
    errors.push(`${name} ${(error as Error).message}`);
    return undefined;
  }
}

function parseEntries(
  { keys, default: fallback }: Entries<Children>,
  written: unknown,
  path: readonly string[],
  errors: string[],
): unknown {
  const values = asMap(written ?? fallback, path, errors);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, parseSection(keys, value, [...path, name], new Map(), errors)]),
  );
}

function asMap(written: unknown, path: readonly string[], errors: string[]): Readonly<Record<string, unknown>> {
  if (written === undefined || written === null) return {};
  if (typeof written === 'object' && !Array.isArray(written)) return written as Record<string, unknown>;
  errors.push(`${path.join('.') || 'the configuration'} must be a map of keys`);
  return {};
}

function unknownKey(name: string, known: readonly string[]): string {
  const suggestion = nearest(name, known);
  return `${name} is not a key${suggestion === undefined ? '' : `: did you mean ${suggestion}?`}`;
}

/** What no key can check alone. */
function checkTogether(config: Config, errors: string[]): void {
  const { access, listen, storage, tls } = config;
  if (access.mode === 'open' && !access.allowOpen && !isLoopback(listen.host)) {
    errors.push(
      `listen ${listen.host} is reachable by other machines, and access.mode open lets everybody push and delete: ` +
        'set access.mode to token, or access.allowOpen to true if that is what you want',
    );
  }
  const { realm, issuer, certificates, jwksUrl } = access.external;
  if (access.mode === 'external' && (realm === undefined || issuer === undefined))
    errors.push('access.mode external needs access.external.realm and access.external.issuer');
  if (access.mode === 'external' && certificates === undefined && jwksUrl === undefined)
    errors.push('access.mode external needs access.external.certificates or access.external.jwksUrl');
  if ((tls.certificate === undefined) !== (tls.key === undefined)) errors.push('tls.certificate and tls.key belong together');
  if (storage.blobs.driver === 's3') checkS3(storage.blobs.s3, errors);
  if (storage.metadata.driver === 'postgres' && storage.metadata.url === undefined)
    errors.push('storage.metadata.url is missing');
  for (const [name, settings] of Object.entries(config.mirror.upstreams)) checkPassThrough(name, settings, access.mode, errors);
  const { default: fallback, upstreams, refresh } = config.mirror;
  if (fallback !== undefined && !(fallback in upstreams))
    errors.push(`mirror.default ${fallback} is not one of mirror.upstreams`);
  if (refresh.every <= 0 || refresh.every > longestTurnSeconds)
    errors.push('mirror.refresh.every must be more than 0s and at most 24d');
}

/** Timers take no more than 2³¹ milliseconds: one that is asked for more goes off at once, again and again. */
const longestTurnSeconds = 24 * 24 * 3600;

function checkPassThrough(
  name: string,
  { passThrough, username, credentialCommand, logins }: Config['mirror']['upstreams'][string],
  mode: Config['access']['mode'],
  errors: string[],
): void {
  if (!passThrough) return;
  const key = `mirror.upstreams.${name}`;
  if (mode !== 'open') errors.push(`${key}.passThrough is for access.mode open: in mode ${mode} grants say who may read`);
  if (username === undefined && credentialCommand === undefined && Object.keys(logins).length === 0)
    errors.push(
      `${key}.passThrough needs ${key}.username: clients' tokens only prove what they may read, berth reads by its own`,
    );
}

function checkS3({ bucket, accessKeyId, secretAccessKey }: Config['storage']['blobs']['s3'], errors: string[]): void {
  if (bucket === undefined) errors.push('storage.blobs.s3.bucket is missing');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    errors.push('storage.blobs.s3.accessKeyId and storage.blobs.s3.secretAccessKey belong together');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
