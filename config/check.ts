import { isIP } from 'node:net';
import { InvalidValue } from './invalid-value.ts';
import type { Child } from './keys.ts';
import { type Config, schema } from './schema.ts';

export interface CheckContext {
  /** False for commands that do not listen. */
  readonly serves: boolean;
  /** Returns where a key was set: `berth.yaml:3` or `BERTH_LISTEN`; undefined for a default. */
  sourceOf(path: readonly string[]): string | undefined;
}

/** Returns one sentence for each error of keys that belong together. */
type Check = (config: Config, context: CheckContext) => readonly string[];

/** Checks the keys that are valid by themselves against each other. Returns one sentence for each error. */
export function checkTogether(config: Config, context: CheckContext): readonly string[] {
  const checks = [
    checkReachable,
    ...unusedChecks(),
    checkExternal,
    ...mirrorChecks(config),
    checkTls,
    checkS3,
    checkPostgres,
    checkUntagged,
  ];
  return checks.flatMap((check) => ifReadable(() => check(config, context), []));
}

/** Returns what `read` does; `fallback` if it reads an invalid value. */
function ifReadable<Result>(read: () => Result, fallback: Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidValue) return fallback;
    throw error;
  }
}

/** Returns the results of the checks that fail; false is none. */
function errorsOf(checks: readonly (() => string | false)[]): readonly string[] {
  return checks.map((check) => ifReadable(check, false)).filter((error) => error !== false);
}

function sourceText({ sourceOf }: CheckContext, path: readonly string[]): string {
  const source = sourceOf(path);
  return source === undefined ? '' : ` (${source})`;
}

/**
 * Checks that mode open serves this machine only: an address, proxy or public URL for other machines needs
 * `access.allowOpen`.
 */
function checkReachable(config: Config, context: CheckContext): readonly string[] {
  if (!context.serves || config.access.mode !== 'open' || config.access.allowOpen) return [];
  const at = (key: string) => sourceText(context, [key]);
  const reasons = errorsOf([
    () =>
      !isLoopback(config.listen.host) &&
      `listen ${config.listen.host}${at('listen')} is an address that other machines can reach`,
    () => config.trustedProxies.length > 0 && `trustedProxies${at('trustedProxies')} lets other machines connect through a proxy`,
    () =>
      config.publicUrl !== undefined &&
      !isLoopback(hostOf(config.publicUrl)) &&
      `publicUrl ${config.publicUrl}${at('publicUrl')} is an address for other machines`,
  ]);
  if (reasons.length === 0) return [];
  return [
    `${reasons.join(', and ')}, while access.mode open lets everybody push and delete: ` +
      'set access.mode to token, or access.allowOpen to true if that is what you want',
  ];
}

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? '';
}

/** Keys that have an effect only with one choice of another key. */
const conditions: readonly {
  readonly keys: readonly string[];
  readonly needs: string;
  readonly isMet: (config: Config) => boolean;
}[] = [
  { keys: ['storage.blobs.s3'], needs: 'storage.blobs.driver s3', isMet: ({ storage }) => storage.blobs.driver === 's3' },
  {
    keys: ['storage.metadata.file'],
    needs: 'storage.metadata.driver sqlite',
    isMet: ({ storage }) => storage.metadata.driver === 'sqlite',
  },
  {
    keys: ['storage.metadata.url', 'storage.metadata.connections'],
    needs: 'storage.metadata.driver postgres',
    isMet: ({ storage }) => storage.metadata.driver === 'postgres',
  },
  { keys: ['access.external'], needs: 'access.mode external', isMet: ({ access }) => access.mode === 'external' },
  {
    keys: ['access.oidc', 'access.identities', 'access.admin', 'access.tokenLifetime', 'access.anonymousPull'],
    needs: 'access.mode token',
    isMet: ({ access }) => access.mode === 'token',
  },
  {
    keys: ['retention.ignorePullsBy'],
    needs: 'access.mode token or external',
    isMet: ({ access }) => access.mode !== 'open',
  },
  { keys: ['access.auditKeep'], needs: 'access.mode token or external', isMet: ({ access }) => access.mode !== 'open' },
  { keys: ['mirror.allowPush', 'access.openActions'], needs: 'access.mode open', isMet: ({ access }) => access.mode === 'open' },
];

/** Reports settings without effect: with the URL of PostgreSQL but not its driver, the metadata would stay in SQLite. */
function unusedChecks(): readonly Check[] {
  return conditions.flatMap(({ keys, needs, isMet }) =>
    keys.map((key): Check => (config, context) => {
      if (isMet(config)) return [];
      const path = key.split('.');
      return changedKeys(schemaAt(path), () => valueAt(config, path), path).map(
        (unused) => `${unused.join('.')} is set, but counts only with ${needs}${sourceText(context, unused)}`,
      );
    }),
  );
}

/** Returns the paths below `path` with valid values other than the defaults. `read` returns the value at `path`. */
function changedKeys(child: Child | undefined, read: () => unknown, path: readonly string[]): readonly (readonly string[])[] {
  if (child === undefined) return [];
  if (child.kind === 'entries') return Object.keys(read() as object).map((name) => [...path, name]);
  if (child.kind === 'list') return (read() as readonly unknown[]).length === 0 ? [] : [path];
  if (child.kind === 'section')
    return Object.entries(child.keys).flatMap(([name, below]) =>
      changedKeys(below, () => (read() as Readonly<Record<string, unknown>>)[name], [...path, name]),
    );
  const fallback = JSON.stringify(child.default === undefined ? undefined : child.parse(child.default));
  return ifReadable(() => JSON.stringify(read()), fallback) === fallback ? [] : [path];
}

function schemaAt(path: readonly string[]): Child | undefined {
  let child: Child | undefined = schema;
  for (const name of path) child = child?.kind === 'section' ? child.keys[name] : undefined;
  return child;
}

function valueAt(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => (node as Readonly<Record<string, unknown>>)[name], config);
}

function checkExternal({ access }: Config): readonly string[] {
  if (access.mode !== 'external') return [];
  const { external } = access;
  const checks = [
    () =>
      (external.realm === undefined || external.issuer === undefined) &&
      'access.mode external needs access.external.realm and access.external.issuer',
    () =>
      external.certificates === undefined &&
      external.jwksUrl === undefined &&
      'access.mode external needs access.external.certificates or access.external.jwksUrl',
  ];
  return errorsOf(checks);
}

/** Longest interval: timers accept at most 2³¹ milliseconds, and run longer ones at once. */
const longestTurnSeconds = 24 * 24 * 3600;

function mirrorChecks({ mirror }: Config): readonly Check[] {
  return [checkDefaultUpstream, checkRefresh, ...Object.keys(mirror.upstreams).map(passThroughCheck)];
}

function checkDefaultUpstream({ mirror }: Config, context: CheckContext): readonly string[] {
  if (mirror.default === undefined || mirror.default in mirror.upstreams) return [];
  return [`mirror.default ${mirror.default} is not one of mirror.upstreams${sourceText(context, ['mirror', 'default'])}`];
}

function checkRefresh({ mirror: { refresh } }: Config, context: CheckContext): readonly string[] {
  if (refresh.every > 0 && refresh.every <= longestTurnSeconds) return [];
  return [`mirror.refresh.every must be more than 0s and at most 24d${sourceText(context, ['mirror', 'refresh', 'every'])}`];
}

function passThroughCheck(name: string): Check {
  const key = `mirror.upstreams.${name}`;
  return ({ access: { mode }, mirror }, context) => {
    const upstream = mirror.upstreams[name];
    if (!upstream?.passThrough) return [];
    const where = sourceText(context, ['mirror', 'upstreams', name, 'passThrough']);
    const { username, credentialCommand, logins } = upstream;
    const errors: string[] = [];
    if (mode !== 'open')
      errors.push(`${key}.passThrough is for access.mode open: in mode ${mode} grants decide who can read${where}`);
    if (username === undefined && credentialCommand === undefined && Object.keys(logins).length === 0)
      errors.push(
        `${key}.passThrough needs ${key}.username: tokens of clients only prove what they can read, berth downloads with its own login${where}`,
      );
    return errors;
  };
}

function checkTls({ tls: { certificate, key } }: Config, context: CheckContext): readonly string[] {
  if ((certificate === undefined) === (key === undefined)) return [];
  const set = key === undefined ? 'certificate' : 'key';
  return [`tls.certificate and tls.key belong together${sourceText(context, ['tls', set])}`];
}

function checkS3({ storage: { blobs } }: Config): readonly string[] {
  if (blobs.driver !== 's3') return [];
  const checks = [
    () => blobs.s3.bucket === undefined && 'storage.blobs.s3.bucket is missing',
    () =>
      (blobs.s3.accessKeyId === undefined) !== (blobs.s3.secretAccessKey === undefined) &&
      'storage.blobs.s3.accessKeyId and storage.blobs.s3.secretAccessKey belong together',
  ];
  return errorsOf(checks);
}

function checkPostgres({ storage: { metadata } }: Config): readonly string[] {
  return metadata.driver === 'postgres' && metadata.url === undefined ? ['storage.metadata.url is missing'] : [];
}

const longestUntaggedSeconds = 365 * 24 * 3600;

/** Children of an index are pushed before it: they must stay for as long as blobs do. Moves of tags are recorded for 400 days. */
function checkUntagged({ garbageCollection: { grace, untagged } }: Config): readonly string[] {
  if (untagged === undefined) return [];
  if (untagged > longestUntaggedSeconds) return ['garbageCollection.untagged is longer than 365d'];
  return untagged < 2 * grace ? ['garbageCollection.untagged is shorter than twice garbageCollection.grace'] : [];
}
