file-manager-no-folder = The folder of this file is not there, so it cannot be shown.
file-manager-not-started = No file manager could be started; copy the path from the layer's menu instead.
file-manager-no-file = This file is not there any more.
file-manager-no-program = No program for this file could be started; open it by hand.
