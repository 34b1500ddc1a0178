import { createRequire } from 'node:module';
import type { Setting, Tree } from './convert.ts';
import { addImplied, authOf } from './implied.ts';
import { importNotifications, importProxy } from './import-sections.ts';
import { type ImportedConfig, type ImportedKey, type Settings, set } from './imported.ts';
import { type DistributionConfig, type Leaf, readDistributionConfig } from './read.ts';
import { type Rule, findRule } from './rules.ts';

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

function toYaml(settings: Settings, keys: readonly ImportedKey[]): string {
  const { stringify } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const remarks = keys.filter(({ remark }) => remark !== undefined);
  const lines = remarks.map(({ key, to, remark }) => `# ${key}${to === undefined ? '' : ` -> ${to}`}: ${remark ?? ''}\n`);
  const heading = '# Translated from a configuration of registry:2. Check it with: berth config check\n\n';
  const notes = lines.length === 0 ? '' : `\n# Keys of registry:2 that need a look:\n#\n${lines.join('')}`;
  return heading + stringify(settings) + notes;
}
