declare module "hls.js/dist/hls.min.js" {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: what the bundler makes of a file
  export default path;
}
