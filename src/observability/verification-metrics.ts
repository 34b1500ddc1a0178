import { Gauge, type Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Metrics of the verification of stored bytes. */
export interface VerificationMetrics {
  verified(sizeBytes: number): void;
  /** Registers gauges that call these functions at each scrape. A gauge has no value while its function rejects. */
  watch(state: VerificationState): void;
}

export interface VerificationState {
  /** Part of the content that was checked in time, from 0 to 1. */
  coverage(): Promise<number>;
  /** Number of contents in quarantine. */
  countCorrupt(): Promise<number>;
}

export function createVerificationMetrics(registry: Registry): VerificationMetrics {
  const verified = counterOf(registry)('verified_bytes_total', 'stored bytes that were read and compared with their digest');

  function gauge(name: string, help: string, measure: () => Promise<number>): void {
    new Gauge({
      name: `berth_${name}`,
      help,
      registers: [registry],
      async collect() {
        this.reset();
        const value = await measure().catch(() => undefined);
        if (value !== undefined) this.set(value);
      },
    });
  }

  return {
    verified: (sizeBytes) => verified.inc(sizeBytes),
    watch({ coverage, countCorrupt }) {
      gauge('verify_coverage', 'part of the stored blobs that was stored or read within verify.every, from 0 to 1', coverage);
      gauge(
        'corrupt_blobs',
        'stored blobs and manifests that are not served because their bytes are missing or wrong',
        countCorrupt,
      );
    },
  };
}
