/** A key of Distribution's configuration and what became of it. */
export interface ImportedKey {
  readonly key: string;
  /** The key of berth; undefined if there is none, or the value needs none. */
  readonly to: string | undefined;
  /** What the operator should know; undefined if the value was taken over as it is. */
  readonly remark: string | undefined;
}

/** A translated configuration. */
export interface ImportedConfig {
  /** YAML for berth, with a comment for each key that has no counterpart. */
  readonly yaml: string;
  readonly keys: readonly ImportedKey[];
}

/** The configuration of berth, while keys are translated. */
export type Settings = Record<string, unknown>;

/** Sets the value at a path and makes the maps above it. */
export function set(settings: Settings, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) settings[name] = value;
  else {
    const child = (settings[name] ??= {}) as Settings;
    set(child, rest, value);
  }
}
