import { X509Certificate } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Config } from '../../../config/schema.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { OperationReport } from '../../http/overviews/operation-report.ts';
import type { Certificate } from '../../http/server/certificate.ts';
import type { Mirror } from '../../mirror/mirror.ts';
import { diskOfBlobs } from '../maintenance/disk-space.ts';
import { readVersion } from './version.ts';

export interface OperationParts {
  readonly driver: Pick<BlobDriver, 'name' | 'check'>;
  readonly metadata: Pick<MetadataStore, 'name' | 'check' | 'jobRuns'>;
  readonly mirror: Pick<Mirror, 'state' | 'upstreams'>;
  readonly certificate: Certificate | undefined;
}

/** Makes the report on the running installation. */
export function openOperationReport(config: Config, { driver, metadata, mirror, certificate }: OperationParts): OperationReport {
  const disk = diskOfBlobs(config);
  /** Upstreams with what the requests of this process have shown. */
  function upstreamStates() {
    const { circuits } = mirror.state();
    return mirror.upstreams().map(({ name }) => {
      const open = circuits.find(({ upstream }) => upstream === name);
      return { name, isReachable: (open?.host ?? 0) === 0 };
    });
  }

  return {
    jobRuns: metadata.jobRuns.list,
    async overview() {
      const runs = await metadata.jobRuns.list();
      const unreachable = upstreamStates().filter(({ isReachable }) => !isReachable);
      return {
        disk: await disk(),
        failedJobs: runs.filter(({ failedAt, endedAt }) => failedAt === endedAt),
        unreachableUpstreams: unreachable.map(({ name }) => name),
      };
    },
    async health() {
      return {
        version: readVersion(),
        stores: await Promise.all([
          stateOf('blobs', driver.name, () => driver.check()),
          stateOf('metadata', metadata.name, () => metadata.check()),
        ]),
        workers: config.workers === 'auto' ? availableParallelism() : config.workers,
        disk: await disk(),
        upstreams: upstreamStates(),
        certificateUntil: certificate && Date.parse(new X509Certificate(certificate.identity.cert).validTo),
      };
    },
  };
}

async function stateOf(part: 'blobs' | 'metadata', name: string, check: () => Promise<void>) {
  try {
    await check();
    return { part, name, error: undefined };
  } catch (error) {
    return { part, name, error: error instanceof Error ? error.message : String(error) };
  }
}
