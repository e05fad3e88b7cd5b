# Completions of sessiondb for PowerShell, as `sessiondb completions powershell` prints them.
Register-ArgumentCompleter -Native -CommandName sessiondb -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    $end = $cursorPosition - $commandAst.Extent.StartOffset
    $line = if ($end -lt $line.Length) { $line.Substring(0, $end) } else { $line.PadRight($end) }
    sessiondb __complete $line 2>$null | ForEach-Object {
        $kind, $value, $about = $_ -split "`t", 3
        if ($kind -eq 'file') { return }
        $text = if ($value -match '^[\w.:/=-]+$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
        $shown = if ($about) { $about } else { $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $shown)
    }
}
