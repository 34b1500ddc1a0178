import type { Config } from './schema.ts';

/** The configuration is invalid: one sentence for each error. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly errors: readonly string[];
  /** The configuration as far as it is valid, for further checks: reading an invalid value throws `InvalidValue`. */
  readonly readable: Config | undefined;
  /** True if only files or host names that the configuration names are wrong: a later start may succeed. */
  readonly mayPass: boolean;

  constructor(errors: readonly string[], readable?: Config, mayPass = false) {
    super(errors.join('\n'));
    this.errors = errors;
    this.readable = readable;
    this.mayPass = mayPass;
  }
}
