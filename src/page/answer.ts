/** Of `status`, for the process that makes the page, of the user that standard input names: not told in its help. */
export const PAGE = '--page';
