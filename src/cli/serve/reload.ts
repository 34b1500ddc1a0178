import { ConfigError } from '../../../config/config-error.ts';
import type { Config } from '../../../config/schema.ts';
import type { ReloadReport } from '../../assembly/reload/reloader.ts';
import type { Log } from '../../observability/log.ts';

export interface ReloadOptions {
  /** Loads and checks the configuration. Rejects `ConfigError`. */
  readonly load: () => Promise<Config>;
  /** Makes the server use what can change. Resolves to undefined if other processes do that, and report it. */
  readonly apply: (next: Config) => Promise<ReloadReport | undefined>;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/**
 * Returns a function that reloads the configuration, one run after the other, and logs what has changed and what needs a restart.
 * A configuration that is invalid changes nothing. Never rejects.
 */
export function createReload({ load, apply, log }: ReloadOptions): () => Promise<void> {
  let running = Promise.resolve();

  async function reload(): Promise<void> {
    try {
      const report = await apply(await load());
      if (!report) return;
      const { applied, needsRestart } = report;
      log.info(
        { applied },
        applied.length > 0 ? 'the configuration was reloaded' : 'reloaded: no setting has changed that applies at once',
      );
      if (needsRestart.length > 0) log.warn({ needsRestart }, 'these settings have changed and need a restart');
    } catch (error) {
      const errors = error instanceof ConfigError ? error.errors : undefined;
      log.error(errors ? { errors } : { err: error }, 'the configuration was not reloaded: nothing has changed');
    }
  }

  return () => (running = running.then(reload));
}
