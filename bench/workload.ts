import type { Server } from './server.ts';

/** The size of one run of a workload on one server. */
export interface Measure {
  /** Divisor of the CPU seconds and the wall time: requests, GiB, images. */
  readonly units: number;
}

export interface Workload {
  readonly name: string;
  /** Name of a unit: `request`, `GiB`. */
  readonly unit: string;
  /**
   * `listing`: its data is written directly into the server's folder. `links`: includes work that follows a push within
   * seconds.
   */
  readonly kind?: 'listing' | 'links';
  /** Prepares the server's data, once before the first run. */
  prepare?(server: Server, scale: Scale): Promise<void>;
  /** One run. Called alternately on every server. */
  run(server: Server, scale: Scale, round: number): Promise<Measure>;
}

/** Sizes of the workloads. */
export interface Scale {
  /** Small requests in a run. */
  readonly requests: number;
  readonly largeBlobBytes: number;
  readonly pushedBlobBytes: number;
  readonly pushedLayers: number;
  readonly tags: number;
  readonly repositories: number;
  /** Listings in a run of a slow server. */
  readonly slowListings: number;
}

const MiB = 1024 * 1024;

export const fullScale: Scale = {
  requests: 8000,
  largeBlobBytes: 1024 * MiB,
  pushedBlobBytes: 256 * MiB,
  pushedLayers: 40,
  tags: 100_000,
  repositories: 10_000,
  slowListings: 10,
};

/** For a short check that everything works. */
export const quickScale: Scale = {
  requests: 200,
  largeBlobBytes: MiB,
  pushedBlobBytes: MiB,
  pushedLayers: 4,
  tags: 1000,
  repositories: 100,
  slowListings: 20,
};
