open-series-images = { $count ->
        [one] { $count } imagem
       *[other] { $count } imagens
    }
open-series-bands = { $count ->
        [one] { $count } banda
       *[other] { $count } bandas
    }
open-series-span = { $first } a { $last }
open-series-no-dates = sem datas
open-series-bands-between = { $least } a { $most } bandas
open-series-undated = { $count } sem data
open-series-title = Imagens de várias datas
open-series-about = Uma camada de série tem uma linha do tempo: avançar, reproduzir e ver um píxel ao longo do tempo.
open-series-others = { $count ->
        [one] Abrir também o raster que não pertence a nenhuma série
       *[other] Abrir também os { $count } rasters que não pertencem a nenhuma série
    }
open-series-open = Abrir
open-series-cancel = Cancelar
open-series-apart = As imagens não se sobrepõem ou têm bandas diferentes.
open-series-dates-missing = Não há datas nos ficheiros nem nos seus nomes; podem ser escritas na linha do tempo.
open-series-one = Uma camada de série
open-series-separate = { $count ->
        [one] A pilha como uma camada
       *[other] { $count } camadas separadas
    }
open-series-leave-out = Omitir
open-series-failed = Não foi possível abrir { $count } ficheiros como rasters.
open-series-cut = Só foram vistos os primeiros 4000 ficheiros. Escolher uma pasta menor para os outros.
open-series-no-raster = Não há nenhum raster nesta pasta.
open-series-find-missing = Procurar datas em falta
open-series-still-missing = { $count ->
        [one] Falta ainda { $count } ficheiro da série. Clique direito na camada, Localizar…
       *[other] Faltam ainda { $count } ficheiros da série. Clique direito na camada, Localizar…
    }
open-series-add = Adicionar a série { $name }
open-series-no-date-for = Não foi encontrada data para { $files }. Ficam fora da linha do tempo até a receberem: premir Datas… na linha do tempo.
open-series-and-more = { $files } e mais { $count }
