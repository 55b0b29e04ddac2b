// Bundles each script and style sheet of this folder into webapp/static/built/ and lists them in manifest.json.
import { build } from "esbuild";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const sources = dirname(fileURLToPath(import.meta.url));
const root = join(sources, "..", "..");
const built = join(sources, "..", "static", "built");

const result = await build({
  absWorkingDir: root,
  entryPoints: readdirSync(sources).filter((name) => /\.(ts|css)$/.test(name)).map((name) => join(sources, name)),
  outdir: built,
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  legalComments: "none", // licences.txt has them whole, also of packages whose files have no such comment
  banner: { js: "/* licences.txt */", css: "/* licences.txt */" },
  metafile: true,
  write: false,
  logLevel: "warning",
});

/** Name of an entry point as templates give it → the names of its file and of the parts that it imports. */
function listEntries(outputs) {
  const here = relative(root, sources); // a part that is loaded when needed is an entry point too, from a folder below
  const entries = Object.entries(outputs).filter(([, output]) => output.entryPoint && dirname(output.entryPoint) === here);
  return Object.fromEntries(entries.map(([path, output]) => {
    const name = basename(output.entryPoint).replace(/\.ts$/, ".js");
    const parts = output.imports.filter((i) => i.kind === "import-statement").map((i) => basename(i.path));
    return [name, { file: basename(path), parts }];
  }).sort());
}

/** Folder of the package that an input file belongs to, or undefined for our own files. */
function findPackage(input) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

/** The licences of the packages whose code is in the bundle, whole. */
function collectLicences(inputs) {
  const folders = [...new Set(Object.keys(inputs).map(findPackage).filter(Boolean))].sort();
  return folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const files = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const texts = files.map((file) => readFileSync(join(root, folder, file), "utf8").trim());
    return `${name} ${version} (${license})\n\n${texts.join("\n\n")}\n`;
  }).join(`\n${"-".repeat(80)}\n\n`);
}

if (existsSync(built)) rmSync(built, { recursive: true });
mkdirSync(built, { recursive: true });
for (const file of result.outputFiles) writeFileSync(file.path, file.contents);
writeFileSync(join(built, "licences.txt"), collectLicences(result.metafile.inputs));
// The last one written: where it is, the bundle is whole.
writeFileSync(join(built, "manifest.json"), JSON.stringify(listEntries(result.metafile.outputs), null, 1) + "\n");
for (const file of result.outputFiles) {
  console.log(`${relative(root, file.path)} ${(file.contents.length / 1000).toFixed(1)} kB`);
}
