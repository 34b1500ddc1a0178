import type { Tree } from './convert.ts';
import { type ImportedKey, type Settings, set } from './imported.ts';
import { importEndpoints } from './notifications.ts';
import type { Leaf } from './read.ts';
import { findRule } from './rules.ts';

/** Maps `proxy` to an upstream. The paths of an upstream's keys contain its name. */
export function importProxy({ path, value }: Leaf, tree: Tree, settings: Settings): ImportedKey {
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

/** Maps the endpoints of notifications to webhook targets. */
export function importNotifications({ path: key, value }: Leaf, settings: Settings): ImportedKey {
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
