import type { ImageActions } from '../repository/repository-view.ts';
import { deleteImage } from './deletion.ts';
import { downloadImage, fetchImage } from './download.ts';
import { downloadFile } from './file-entry.ts';
import { showFiles } from './files.ts';
import { indexImage } from './index-state.ts';
import { showImage } from './overview.ts';
import { showPackages } from './packages.ts';
import { showRaw } from './raw.ts';
import { showReferrers } from './referrers.ts';
import { retag } from './retag.ts';

/** The views and forms of an image. */
export const imageActions: ImageActions = {
  views: {
    '': (visit) => showImage(visit),
    archive: downloadImage,
    files: showFiles,
    file: downloadFile,
    packages: showPackages,
    referrers: showReferrers,
    raw: showRaw,
  },
  forms: {
    fetch: { needs: 'pull', action: fetchImage },
    index: { needs: 'pull', action: indexImage },
    retag: { needs: 'push', action: retag },
    delete: { needs: 'delete', action: deleteImage },
  },
};
