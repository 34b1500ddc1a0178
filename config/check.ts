import { isIP } from 'node:net';
import type { Child } from './keys.ts';
import { type Config, schema } from './schema.ts';

export interface CheckContext {
  /** False for commands that do not listen. */
  readonly serves: boolean;
  /** Returns where a key was set: `berth.yaml:3` or `BERTH_LISTEN`; undefined for a default. */
  sourceOf(path: readonly string[]): string | undefined;
}

/** Checks the keys against each other. Returns one sentence for each error. */
export function checkTogether(config: Config, context: CheckContext): readonly string[] {
  const errors: string[] = [];
  const at = (key: string) => sourceText(context, key.split('.'));
  if (context.serves) errors.push(...checkReachable(config, at));
  checkUnused(config, context, errors);
  checkExternal(config, errors);
  checkMirror(config, context, errors);
  const { storage, tls } = config;
  if ((tls.certificate === undefined) !== (tls.key === undefined))
    errors.push(`tls.certificate and tls.key belong together${at(tls.key === undefined ? 'tls.certificate' : 'tls.key')}`);
  if (storage.blobs.driver === 's3') checkS3(storage.blobs.s3, errors);
  if (storage.metadata.driver === 'postgres' && storage.metadata.url === undefined)
    errors.push('storage.metadata.url is missing');
  return errors;
}

function sourceText({ sourceOf }: CheckContext, path: readonly string[]): string {
  const source = sourceOf(path);
  return source === undefined ? '' : ` (${source})`;
}

/** Checks that mode open serves this machine only: an address, proxy or public URL for other machines needs `access.allowOpen`. */
function checkReachable({ access, listen, trustedProxies, publicUrl }: Config, at: (key: string) => string): readonly string[] {
  if (access.mode !== 'open' || access.allowOpen) return [];
  const reasons = [
    ...(isLoopback(listen.host) ? [] : [`listen ${listen.host}${at('listen')} is an address that other machines can reach`]),
    ...(trustedProxies.length === 0 ? [] : [`trustedProxies${at('trustedProxies')} lets other machines connect through a proxy`]),
    ...(publicUrl === undefined || isLoopback(hostOf(publicUrl))
      ? []
      : [`publicUrl ${publicUrl}${at('publicUrl')} is an address for other machines`]),
  ];
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
  { keys: ['access.auditKeep'], needs: 'access.mode token or external', isMet: ({ access }) => access.mode !== 'open' },
  { keys: ['mirror.allowPush', 'access.openActions'], needs: 'access.mode open', isMet: ({ access }) => access.mode === 'open' },
];

/** Reports settings without effect: with the URL of PostgreSQL but not its driver, the metadata would stay in SQLite. */
function checkUnused(config: Config, context: CheckContext, errors: string[]): void {
  for (const { keys, needs, isMet } of conditions) {
    if (isMet(config)) continue;
    for (const key of keys) {
      const path = key.split('.');
      for (const unused of changedKeys(schemaAt(path), valueAt(config, path), path))
        errors.push(`${unused.join('.')} is set, but counts only with ${needs}${sourceText(context, unused)}`);
    }
  }
}

/** Returns the paths below `path` with values other than the defaults. */
function changedKeys(child: Child | undefined, value: unknown, path: readonly string[]): readonly (readonly string[])[] {
  if (child === undefined) return [];
  if (child.kind === 'entries') return Object.keys(value as object).map((name) => [...path, name]);
  if (child.kind === 'section')
    return Object.entries(child.keys).flatMap(([name, below]) =>
      changedKeys(below, (value as Readonly<Record<string, unknown>>)[name], [...path, name]),
    );
  const fallback = child.default === undefined ? undefined : child.parse(child.default);
  return JSON.stringify(value) === JSON.stringify(fallback) ? [] : [path];
}

function schemaAt(path: readonly string[]): Child | undefined {
  let child: Child | undefined = schema;
  for (const name of path) child = child?.kind === 'section' ? child.keys[name] : undefined;
  return child;
}

function valueAt(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => (node as Readonly<Record<string, unknown>>)[name], config);
}

function checkExternal({ access }: Config, errors: string[]): void {
  const { realm, issuer, certificates, jwksUrl } = access.external;
  if (access.mode !== 'external') return;
  if (realm === undefined || issuer === undefined)
    errors.push('access.mode external needs access.external.realm and access.external.issuer');
  if (certificates === undefined && jwksUrl === undefined)
    errors.push('access.mode external needs access.external.certificates or access.external.jwksUrl');
}

/** Timers accept at most 2³¹ milliseconds: a longer one fires at once, again and again. */
const longestTurnSeconds = 24 * 24 * 3600;

function checkMirror({ access, mirror }: Config, context: CheckContext, errors: string[]): void {
  const at = (...path: readonly string[]) => sourceText(context, ['mirror', ...path]);
  const { default: fallback, upstreams, refresh } = mirror;
  for (const [name, settings] of Object.entries(upstreams))
    checkPassThrough(name, settings, access.mode, at('upstreams', name, 'passThrough'), errors);
  if (fallback !== undefined && !(fallback in upstreams))
    errors.push(`mirror.default ${fallback} is not one of mirror.upstreams${at('default')}`);
  if (refresh.every <= 0 || refresh.every > longestTurnSeconds)
    errors.push(`mirror.refresh.every must be more than 0s and at most 24d${at('refresh', 'every')}`);
}

function checkPassThrough(
  name: string,
  { passThrough, username, credentialCommand, logins }: Config['mirror']['upstreams'][string],
  mode: Config['access']['mode'],
  where: string,
  errors: string[],
): void {
  if (!passThrough) return;
  const key = `mirror.upstreams.${name}`;
  if (mode !== 'open')
    errors.push(`${key}.passThrough is for access.mode open: in mode ${mode} grants decide who can read${where}`);
  if (username === undefined && credentialCommand === undefined && Object.keys(logins).length === 0)
    errors.push(
      `${key}.passThrough needs ${key}.username: tokens of clients only prove what they can read, berth downloads with its own login${where}`,
    );
}

function checkS3({ bucket, accessKeyId, secretAccessKey }: Config['storage']['blobs']['s3'], errors: string[]): void {
  if (bucket === undefined) errors.push('storage.blobs.s3.bucket is missing');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    errors.push('storage.blobs.s3.accessKeyId and storage.blobs.s3.secretAccessKey belong together');
}
