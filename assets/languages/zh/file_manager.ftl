file-manager-no-folder = 此文件所在文件夹不存在，无法显示。
file-manager-not-started = 无法启动文件管理器；请从图层菜单复制路径。
file-manager-no-file = 此文件已不存在。
file-manager-no-program = 无法启动打开此文件的程序；请手动打开。
