import type { CommandGroup } from '../program/command.ts';

/** `berth quota …` */
export const quota: CommandGroup = {
  name: 'quota',
  summary: 'show what quotas have used',
  commands: [
    {
      name: 'list',
      summary: 'list quotas with what they have used',
      arguments: [['[REPOSITORY]', 'only the quotas that this repository counts in']],
      printsData: true,
      load: async () => (await import('./quota.ts')).listQuotas,
    },
    {
      name: 'recount',
      summary: 'count all content again; the counters stay in force until then',
      printsData: true,
      load: async () => (await import('./quota.ts')).recountQuotas,
    },
  ],
};
