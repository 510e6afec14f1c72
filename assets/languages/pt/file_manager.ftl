file-manager-no-folder = A pasta deste ficheiro não existe, pelo que não pode ser mostrada.
file-manager-not-started = Não foi possível iniciar um gestor de ficheiros; copiar o caminho do menu da camada.
file-manager-no-file = Este ficheiro já não existe.
file-manager-no-program = Não foi possível iniciar um programa para este ficheiro; abri-lo à mão.
