import { checkTogether } from './check.ts';
import { ConfigError } from './config-error.ts';
import { type Path, parseSection } from './parse.ts';
import { type Config, schema } from './schema.ts';
import { type KeyPath, entryKeys, scalarKeys } from './key-paths.ts';
import { dropUnusedVariables, readVariables } from './variables.ts';
import { readYamlFile } from './yaml-file.ts';

export interface ConfigSources {
  /** YAML file, merged over the defaults. */
  readonly file?: string | undefined;
  /** `BERTH_*` variables, which override the file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * False for commands that do not listen: then open access on a public address is no error. Default: true.
   */
  readonly serves?: boolean;
}

const sources = new WeakMap<object, (path: Path) => string | undefined>();

/** Loads the configuration. Throws `ConfigError` with all errors. */
export function loadConfig({ file: path, environment, serves = true }: ConfigSources): Config {
  const errors: string[] = [];
  const file = readYamlFile(path, errors);
  const known = [...keyPaths(), ...entryKeys(schema.keys, file.tree)];
  const variables = readVariables(environment, known, errors);
  dropUnusedVariables(variables, known, valueIn(file.tree, ['telemetry', 'traces']));
  const written = { file, variables, errors };
  const config = parseSection(schema.keys, file.tree, [], written) as Config;
  const sourceOf = (key: Path) => variables.get(key.join('.'))?.name ?? file.sourceOf(key);
  sources.set(config, sourceOf);
  errors.push(...checkTogether(config, { serves, sourceOf }));
  if (errors.length > 0) throw new ConfigError(errors, config);
  return config;
}

/** Returns where the key was set, as the end of a message: ` (berth.yaml:3)`; '' for a default. */
export function whereSet(config: object, path: Path): string {
  const source = sources.get(config)?.(path);
  return source === undefined ? '' : ` (${source})`;
}

/** Returns every scalar key's path, such as `storage.blobs.driver`. */
export function keyPaths(): readonly KeyPath[] {
  return scalarKeys(schema.keys);
}

/** Returns the value at the path of a file that may have any content. */
function valueIn(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, name) => (node as Readonly<Record<string, unknown>> | null | undefined)?.[name], tree);
}
