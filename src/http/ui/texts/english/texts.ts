import { account } from './account.ts';
import { admin } from './admin.ts';
import { catalog } from './catalog.ts';
import { contents } from './contents.ts';
import { download } from './download.ts';
import { frame } from './frame.ts';
import { help } from './help.ts';
import { image } from './image.ts';
import { jobs } from './jobs.ts';
import { referrers } from './referrers.ts';
import { mirror } from './mirror.ts';
import { repository } from './repository.ts';
import { setup } from './setup.ts';
import { storage } from './storage.ts';
import { upload } from './upload.ts';

/** The texts of the page in English. The type of this object demands every text of the other languages. */
export const english = {
  ...account,
  ...admin,
  ...catalog,
  ...contents,
  ...download,
  ...frame,
  ...help,
  ...image,
  ...jobs,
  ...referrers,
  ...mirror,
  ...repository,
  ...setup,
  ...storage,
  ...upload,
};

export type Texts = typeof english;
