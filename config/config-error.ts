import type { Config } from './schema.ts';

/** The configuration is invalid: one sentence for each error. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly errors: readonly string[];
  /** The configuration as far as it is valid, for further checks: reading an invalid value throws `InvalidValue`. */
  readonly readable: Config | undefined;
  /** True if a later start may succeed with the same configuration: files that it names are missing or wrong, or a name does not resolve. */
  readonly mayPass: boolean;

  constructor(errors: readonly string[], readable?: Config, mayPass = false) {
    super(errors.join('\n'));
    this.errors = errors;
    this.readable = readable;
    this.mayPass = mayPass;
  }
}
