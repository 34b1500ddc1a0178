import type { CommandGroup } from '../../program/command.ts';

const load = () => import('./run.ts');

/** `berth gc …` */
export const garbageCollection: CommandGroup = {
  name: 'gc',
  summary: 'show, run and pause garbage collection',
  commands: [
    {
      name: 'status',
      summary: 'show what garbage collection does, and what could be freed',
      options: [
        ['--quick', 'compute nothing: do not look through the repositories'],
        [
          '--untagged <DAYS>',
          'compute what this garbageCollection.untagged would free, such as 90d; default: as configured, or 30d',
        ],
      ],
      printsData: true,
      load: async () => (await import('./status.ts')).showStatus,
    },
    {
      name: 'run',
      summary: 'decide what is due now, instead of within seconds',
      options: [['--retry', 'try deletions again that were set aside after ten failures']],
      printsData: true,
      load: async () => (await load()).runCollection,
    },
    {
      name: 'pause',
      summary: 'delete nothing more, in all processes and after restarts, until resume',
      printsData: true,
      load: async () => (await load()).pauseCollection,
    },
    {
      name: 'resume',
      summary: 'let garbage collection go on',
      printsData: true,
      load: async () => (await load()).resumeCollection,
    },
    {
      name: 'audit',
      summary: 'look through all records for unneeded content that was missed',
      printsData: true,
      load: async () => (await load()).auditCollection,
    },
  ],
};
