// Type-check KQL with Microsoft's language service: node kql_check.js tables.json file.kql...
// tables.json: {"Episodes": {"robot": "string", ...}, ...}. Prints one JSON line a file: its errors and result columns.
require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
const fs = require('fs');
const Symbols = Kusto.Language.Symbols;

const tables = Object.entries(JSON.parse(fs.readFileSync(process.argv[2]))).map(([name, columns]) => {
  const list = Object.entries(columns).map(([column, type]) => `${column}: ${type}`).join(', ');
  return new Symbols.TableSymbol.$ctor7(name, `(${list})`, null);
});
const globals = Kusto.Language.GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('Fleet', tables));

for (const file of process.argv.slice(3)) {
  const code = Kusto.Language.KustoCode.ParseAndAnalyze(fs.readFileSync(file, 'utf8'), globals);
  const found = code.GetDiagnostics();
  const errors = Array.from({ length: found.Count }, (_, i) => found.getItem(i)).map((d) => `${d.Code} ${d.Message}`);
  const result = code.ResultType;
  if (!result || !result.Columns) errors.push('no table comes out of it');
  const columns = result && result.Columns
    ? Array.from({ length: result.Columns.Count }, (_, i) => result.Columns.getItem(i).Name) : [];
  console.log(JSON.stringify({ file, errors, columns }));
}
