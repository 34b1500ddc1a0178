import { Gauge, type Registry } from './prometheus/client.ts';

/** Metrics of backups. */
export interface BackupMetrics {
  /** Registers a gauge that calls `age` at each scrape: seconds. It has no value while `age` rejects or resolves to undefined. */
  watchAge(age: () => Promise<number | undefined>): void;
}

export function createBackupMetrics(registry: Registry): BackupMetrics {
  return {
    watchAge(age) {
      new Gauge({
        name: 'berth_backup_age_seconds',
        help: 'seconds since the newest complete backup began; +Inf if backups are scheduled and there is none',
        registers: [registry],
        async collect() {
          this.reset();
          const seconds = await age().catch(() => undefined);
          if (seconds === undefined) this.remove();
          else this.set(seconds);
        },
      });
    },
  };
}
