file-manager-no-folder = Der Ordner dieser Datei ist nicht da und kann nicht gezeigt werden.
file-manager-not-started = Kein Dateimanager konnte gestartet werden; den Pfad aus dem Menü des Layers kopieren.
file-manager-no-file = Diese Datei ist nicht mehr da.
file-manager-no-program = Kein Programm für diese Datei konnte gestartet werden; sie von Hand öffnen.
