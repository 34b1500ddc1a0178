import { size } from '../../../../config/keys.ts';
import type { Depth } from '../../../maintenance/verify/check-content.ts';
import type { Pattern } from '../../../oci/patterns/repository-pattern.ts';
import { type RepositoryName, parseRepositoryName } from '../../../oci/reference.ts';
import { type Invocation, UsageError } from '../../program/command.ts';
import { readPattern } from '../../program/read-names.ts';

/** The options of a command line. */
export interface Wanted {
  readonly depth: Depth;
  readonly percent: number;
  readonly repositories: Pattern | undefined;
  readonly bytesPerSecond: number;
  readonly repairs: boolean;
  readonly from: RepositoryName | undefined;
}

/** Reads the options of `berth verify`. Throws `UsageError`. */
export function readOptions({ options }: Invocation): Wanted {
  const { quick, deep, orphans, deleteOrphans, repair } = options;
  const { sample, repository, bandwidth, from } = options as Readonly<Record<string, string | undefined>>;
  if ([quick, deep, sample !== undefined, orphans].filter((chosen) => chosen === true).length > 1)
    throw new UsageError('--quick, --deep, --sample and --orphans exclude each other');
  if (deleteOrphans === true && orphans !== true) throw new UsageError('--delete-orphans needs --orphans');
  return {
    depth: deep === true || sample !== undefined ? 'deep' : 'quick',
    percent: sample === undefined ? 100 : readPercent(sample),
    repositories: readPattern(repository),
    bytesPerSecond: bandwidth === undefined ? 0 : readSize(bandwidth),
    repairs: repair === true || from !== undefined,
    from: from === undefined ? undefined : readMirroredRepository(from),
  };
}

function readPercent(text: string): number {
  const percent = Number(/^(\d{1,3})%?$/.exec(text)?.[1]);
  if (!(percent >= 1 && percent <= 100)) throw new UsageError('--sample must be a percentage from 1% to 100%');
  return percent;
}

function readSize(text: string): number {
  try {
    return size('', '').parse(text);
  } catch (error) {
    throw new UsageError(`--bandwidth ${(error as Error).message}`);
  }
}

function readMirroredRepository(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new UsageError(`${text} is not the name of a mirrored repository, such as ghcr.io/owner/app`);
  return name;
}
