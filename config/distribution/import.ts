import { createRequire } from 'node:module';
import type { Setting, Tree } from './convert.ts';
import { importEndpoints } from './notifications.ts';
import { type DistributionConfig, type Leaf, readDistributionConfig } from './read.ts';
import { type Rule, rules } from './rules.ts';

/** A key of Distribution's configuration and what became of it. */
export interface ImportedKey {
  readonly key: string;
  /** The key of berth; undefined if there is none, or the value needs none. */
  readonly to: string | undefined;
  /** What the operator should know; undefined if the value was taken over as it is. */
  readonly remark: string | undefined;
}

export interface ImportedConfig {
  /** YAML for berth, with a comment for each key that has no counterpart. */
  readonly yaml: string;
  readonly keys: readonly ImportedKey[];
}

type Settings = Record<string, unknown>;

/**
 * Translates a configuration of Distribution, with the `REGISTRY_*` variables that override the file, into one of berth.
 * Every key is translated or has a remark. Throws for a file that is no YAML map.
 */
export function importDistributionConfig(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): ImportedConfig {
  const config = readDistributionConfig(text, environment);
  const settings: Settings = {};
  const keys = config.leaves.map((leaf) => importKey(leaf, config, settings));
  return { yaml: toYaml(settings, [...keys, ...addImplied(config, settings)]), keys };
}

function importKey(leaf: Leaf, config: DistributionConfig, settings: Settings): ImportedKey {
  const { path } = leaf;
  if (path.startsWith('proxy.')) return importProxy(leaf, config, settings);
  if (path === 'notifications.endpoints') return importNotifications(leaf, settings);
  const rule = findRule(path);
  if (!rule) return { key: path, to: undefined, remark: 'unknown to berth' };
  if (rule.to === undefined) return { key: path, to: undefined, remark: rule.remark };
  if (path.startsWith('auth.') && path.split('.')[1] !== authOf(config))
    return { key: path, to: undefined, remark: `registry:2 accepts one kind of auth: auth.${authOf(config) ?? ''} is used` };
  return assign(rule, leaf, config, settings);
}

function assign({ to = '', convert, remark }: Rule, { path, value }: Leaf, tree: Tree, settings: Settings): ImportedKey {
  try {
    const setting = convert ? convert(value, tree) : (value as Setting);
    if (setting === undefined || setting === '')
      return { key: path, to: undefined, remark: remark ?? 'not needed with this value' };
    set(settings, to.split('.'), setting);
    return { key: path, to, remark };
  } catch (error) {
    return { key: path, to: undefined, remark: `cannot be translated: the value ${(error as Error).message}; see ${to}` };
  }
}

/** Returns the rule of the key or of the nearest key above it. */
function findRule(path: string): Rule | undefined {
  for (let key = path; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf('.')))) {
    const rule = rules[key];
    if (rule) return rule;
  }
  return undefined;
}

/** Returns the kind of auth that is configured; one of them if there are several. */
function authOf(tree: Tree): 'token' | 'htpasswd' | undefined {
  if (tree.get('auth.token')) return 'token';
  return tree.get('auth.htpasswd') ? 'htpasswd' : undefined;
}

/** Maps `proxy` to an upstream. The paths of an upstream's keys contain its name. */
function importProxy({ path, value }: Leaf, tree: Tree, settings: Settings): ImportedKey {
  const upstream = upstreamOf(tree);
  const names: Readonly<Record<string, string>> = {
    'proxy.remoteurl': 'url',
    'proxy.username': 'username',
    'proxy.password': 'password',
    'proxy.exec.command': 'credentialCommand',
  };
  const name = names[path];
  if (name === undefined) return { key: path, to: undefined, remark: findRule(path)?.remark ?? 'no counterpart' };
  if (upstream === undefined) return { key: path, to: undefined, remark: 'proxy.remoteurl is not set: there is no mirror' };
  const text = String(Array.isArray(value) ? value[0] : value);
  if (text === '' || value === null) return { key: path, to: undefined, remark: 'empty' };
  // An upstream has one kind of login.
  if (name === 'credentialCommand' && tree.get('proxy.username'))
    return { key: path, to: undefined, remark: 'proxy.username is used: an upstream has one login' };
  set(settings, ['mirror', 'upstreams', upstream, name], name === 'credentialCommand' ? `${text} get` : text);
  set(settings, ['mirror', 'default'], upstream);
  return { key: path, to: `mirror.upstreams.${upstream}.${name}`, remark: undefined };
}

function importNotifications({ path: key, value }: Leaf, settings: Settings): ImportedKey {
  try {
    const imported = importEndpoints(value);
    if (!imported) return { key, to: undefined, remark: 'there is no enabled endpoint' };
    set(settings, ['webhooks', 'targets'], imported.targets);
    if (imported.hasPulls) set(settings, ['webhooks', 'pulls'], 'all');
    return { key, to: 'webhooks.targets', remark: imported.remark };
  } catch (error) {
    return { key, to: undefined, remark: `cannot be translated: the value ${(error as Error).message}; see webhooks.targets` };
  }
}

function upstreamOf(tree: Tree): string | undefined {
  const url = tree.get('proxy.remoteurl');
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { host } = new URL(url);
  return host === 'registry-1.docker.io' || host === 'index.docker.io' ? 'docker.io' : host;
}

/** Adds what Distribution does without being told. Returns remarks. */
function addImplied(tree: Tree, settings: Settings): readonly ImportedKey[] {
  const implied: ImportedKey[] = [];
  const imply = (key: string, to: string, setting: Setting, remark: string) => {
    set(settings, to.split('.'), setting);
    implied.push({ key, to, remark });
  };
  if (tree.get('storage.s3'))
    imply('storage.s3', 'storage.blobs.driver', 's3', 'the metadata stays on this machine: see storage.metadata');
  if (tree.get('storage.delete.enabled') === undefined)
    imply('storage.delete', 'delete.enabled', false, 'the default of registry:2');
  const auth = authOf(tree);
  if (auth === 'token') imply('auth.token', 'access.mode', 'external', 'clients keep their token server');
  else if (auth === 'htpasswd') imply('auth.htpasswd', 'access.mode', 'token', 'users and grants are in berth');
  else if (!isLoopback(tree.get('http.addr')))
    imply('auth', 'access.mode', 'token', 'registry:2 was open to everybody; mode open with access.allowOpen: true is, too');
  return implied;
}

function isLoopback(address: unknown): boolean {
  return typeof address === 'string' && /^(?:localhost|127\.[\d.]+|\[::1\]):/.test(address);
}

function set(settings: Settings, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) settings[name] = value;
  else {
    const child = (settings[name] ??= {}) as Settings;
    set(child, rest, value);
  }
}

function toYaml(settings: Settings, keys: readonly ImportedKey[]): string {
  const { stringify } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const remarks = keys.filter(({ remark }) => remark !== undefined);
  const lines = remarks.map(({ key, to, remark }) => `# ${key}${to === undefined ? '' : ` -> ${to}`}: ${remark ?? ''}\n`);
  const heading = '# Translated from a configuration of registry:2. Check it with: berth config check\n\n';
  const notes = lines.length === 0 ? '' : `\n# Keys of registry:2 that need a look:\n#\n${lines.join('')}`;
  return heading + stringify(settings) + notes;
}
