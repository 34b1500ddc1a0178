import type { Profile } from './simulate.ts';

/** CPU seconds of one core, measured over S3 and PostgreSQL. `costs.json` says when and where. */
export interface Costs {
  /** CPU of berth. */
  readonly manifestGet: number;
  readonly blobRedirect: number;
  readonly blobPush: number;
  readonly manifestPut: number;
  /** Per byte of a push. */
  readonly pushedByte: number;
  /** CPU of PostgreSQL. */
  readonly read: number;
  readonly write: number;
}

/** Requests of berth to its stores per operation; see `docs/scale.md`. */
export interface Demands {
  readonly readsPerManifestGet: number;
  readonly readsPerBlobGet: number;
  readonly writesPerBlobPush: number;
  readonly writesPerManifestPut: number;
  readonly s3PerSmallBlobPush: number;
  readonly s3PerManifestPut: number;
}

export interface Load {
  readonly pullsPerDay: number;
  readonly requestsPerSecond: number;
  readonly berthCores: number;
  readonly replicas: number;
  readonly databaseReads: number;
  readonly databaseWrites: number;
  readonly databaseCores: number;
  readonly s3PerSecond: number;
  readonly pulledGbps: number;
  readonly pushedMBps: number;
  readonly s3Gets: number;
  readonly s3Puts: number;
  readonly dollarsPerDay: number;
}

/** Load of the busiest hour, relative to the mean. */
const peak = 3;
/** Share of a core; above it requests begin to wait for each other. */
const utilisation = 0.5;
const coresPerReplica = 2;
/** The registry must survive the loss of one replica. */
const leastReplicas = 2;
/** Requests of a pull: HEAD by tag, GET of the index, GET of the platform's manifest. */
const manifestsPerPull = 3;
/** US dollars per thousand requests, Amazon S3 Standard, us-east-1. */
const getPrice = 0.0004;
const putPrice = 0.005;
const secondsPerDay = 86_400;

/** Rates are for the busiest hour, totals and prices for a day. */
export function predict(pullsPerDay: number, profile: Profile, costs: Costs, demands: Demands): Load {
  const pulls = (pullsPerDay / secondsPerDay) * peak;
  const pushes = (pulls * (1 - profile.pullPart)) / profile.pullPart;
  const manifestGets = pulls * manifestsPerPull;
  const blobGets = pulls * profile.blobsPerPull;
  const blobPushes = pushes * profile.blobsPerPush;

  const berth =
    manifestGets * costs.manifestGet +
    blobGets * costs.blobRedirect +
    blobPushes * costs.blobPush +
    pushes * (costs.manifestPut + profile.bytesPerPush * costs.pushedByte);
  const reads = manifestGets * demands.readsPerManifestGet + blobGets * demands.readsPerBlobGet;
  const writes = blobPushes * demands.writesPerBlobPush + pushes * demands.writesPerManifestPut;
  const s3Gets = blobGets + manifestGets * profile.manifestMisses;
  const s3Puts = blobPushes * demands.s3PerSmallBlobPush + pushes * (demands.s3PerManifestPut + profile.partsPerPush);
  const daily = (perSecond: number) => (perSecond / peak) * secondsPerDay;

  return {
    pullsPerDay,
    requestsPerSecond: manifestGets + blobGets + 3 * blobPushes + pushes,
    berthCores: berth / utilisation,
    replicas: Math.max(leastReplicas, Math.ceil(berth / utilisation / coresPerReplica)),
    databaseReads: reads,
    databaseWrites: writes,
    databaseCores: (reads * costs.read + writes * costs.write) / utilisation,
    s3PerSecond: s3Gets + s3Puts,
    pulledGbps: (pulls * profile.bytesPerPull * 8) / 1e9,
    pushedMBps: (pushes * profile.bytesPerPush) / 1e6,
    s3Gets: daily(s3Gets),
    s3Puts: daily(s3Puts),
    dollarsPerDay: (daily(s3Gets) * getPrice + daily(s3Puts) * putPrice) / 1000,
  };
}
