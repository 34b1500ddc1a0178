import type { CommandGroup } from '../../program/command.ts';

/** `berth retention …` */
export const retention: CommandGroup = {
  name: 'retention',
  summary: 'show and approve what the rules of retention expire',
  commands: [
    {
      name: 'preview',
      summary: 'show what would expire and why; change nothing',
      arguments: [['[PATTERN]', 'repositories: NAME, PREFIX/* or PREFIX/**; default: all']],
      options: [
        ['--all', 'show what stays, too'],
        ['--plan', 'show the plan that waits for an approval instead'],
      ],
      printsData: true,
      load: async () => (await import('./preview.ts')).previewRetention,
    },
    {
      name: 'approve',
      summary: 'let a plan be executed that expires more than retention.brake allows',
      arguments: [['PLAN', 'id of the plan, as berth retention preview prints it']],
      printsData: true,
      load: async () => (await import('./plan.ts')).approvePlan,
    },
    {
      name: 'log',
      summary: 'show what expired and why, newest first',
      arguments: [['[REPOSITORY]', 'a repository; default: all']],
      options: [['--limit <NUMBER>', 'number of lines; default: 50']],
      printsData: true,
      load: async () => (await import('./log.ts')).printRetentionLog,
    },
  ],
};
